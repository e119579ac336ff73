/**
 * JSON that is committed: what is in the lists takes one line for each item, so that a change of the file can be read.
 * @param head what comes before the lists; one field at least
 */
export function linePerItem(head: object, lists: Readonly<Record<string, readonly unknown[]>>): string {
  const start = JSON.stringify(head, null, 2).replace(/\n}$/, '');
  const parts = Object.entries(lists).map(([name, items]) => {
    const lines = items.map((item) => `    ${JSON.stringify(item)}`);
    return `  ${JSON.stringify(name)}: [\n${lines.join(',\n')}\n  ]`;
  });
  return `${[start, ...parts].join(',\n')}\n}\n`;
}
