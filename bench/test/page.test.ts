// The page of the docs is what the readings beside it say, and nothing else.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { MEASURES } from '../src/catalogue.ts';
import { pageOf, picturesOf } from '../src/page.ts';
import type { ResultFile } from '../src/result.ts';

const docs = join(import.meta.dirname, '..', '..', 'docs');
const read = (name: string): string => readFileSync(join(docs, name), 'utf8');
const file = JSON.parse(read('numbers.json')) as ResultFile;

test('docs/numbers.md is made from docs/numbers.json', () => {
  expect(pageOf(MEASURES, file)).toBe(read('numbers.md'));
});

test.each(Object.entries(picturesOf(MEASURES, file.series)))('docs/%s is, too', (name, picture) => {
  expect(picture).toBe(read(name));
});

test('every measure has its readings there, from no quick run', () => {
  expect(file.isQuick).toBe(false);
  const measured = new Set(file.series.map(({ measure }) => measure));
  expect(MEASURES.map(({ name }) => name).filter((name) => !measured.has(name))).toEqual([]);
});
