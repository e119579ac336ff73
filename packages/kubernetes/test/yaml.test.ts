// The YAML of kubeconfig files: what kubectl and others write is read; what is not understood is an error, never a guess.
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parse, stringify } from 'yaml';
import { parseYaml } from '../src/yaml.ts';

const KUBECTL = `# written by hand
---
apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: TFMwdExTMUNSVWRK==
    extensions:
    - extension:
        last-update: Mon, 23 Nov 2026 04:00:00 UTC
        provider: minikube.sigs.k8s.io
      name: cluster_info
    server: https://192.168.49.2:8443   # the node
  name: minikube
contexts:
  - context:
      cluster: minikube
      namespace: 'it''s default'
      user: "mini\\u006bube"
    name: minikube
current-context: minikube
kind: Config
preferences: {}
users:
- name: minikube
  user:
    client-certificate: /home/jane/.minikube/client.crt
    token:
    exec:
      args:
      - --region
      - eu-west-1
      - eks:get-token
      env: null
      command: "aws # not a comment"
`;

/** Numbers and booleans stay text here: a kubeconfig has none that count. */
function asText(value: unknown): unknown {
  if (value === null) return null;
  if (Array.isArray(value)) return value.map(asText);
  if (typeof value === 'object') return Object.fromEntries(Object.entries(value).map(([key, it]) => [key, asText(it)]));
  return typeof value === 'string' ? value : JSON.stringify(value);
}

test('a kubeconfig is read as a full YAML parser reads it', () => {
  expect(parseYaml(KUBECTL)).toEqual(asText(parse(KUBECTL)));
});

test('what a full YAML writer writes is read as it was meant, or refused', () => {
  const key = fc.stringMatching(/^[a-z][a-z-]{0,10}$/);
  const text = fc.oneof(fc.stringMatching(/^[a-zA-Z0-9:/.=+-]{1,20}$/), fc.string({ maxLength: 12 }));
  const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      fc.dictionary(key, fc.oneof(text, tie('tree')), { maxKeys: 4 }),
      fc.array(fc.oneof(text, tie('tree')), { maxLength: 3 }),
    ),
  }));
  let read = 0;
  fc.assert(
    fc.property(fc.dictionary(key, tree, { minKeys: 1, maxKeys: 4 }), (value) => {
      const written = stringify(value, { lineWidth: 0 });
      let parsed: unknown;
      try {
        parsed = parseYaml(written);
      } catch {
        return;
      }
      read += 1;
      expect(parsed).toEqual(asText(parse(written)));
    }),
    { numRuns: 500 },
  );
  expect(read).toBeGreaterThan(300);
});

describe('refused with the number of the line, and without what stands in it', () => {
  test.each([
    ['an anchor', 'a: 1\ntoken: &s3cret x\n', 2],
    ['a reference', 'token: *s3cret\n', 1],
    ['a tag', 'token: !!str s3cret\n', 1],
    ['folded text', 'token: |\n  s3cret\n', 1],
    ['a flow mapping', 'token: {s3cret: 1}\n', 1],
    ['a quotation without an end', 'token: "s3cret\n', 1],
    ['a line that is neither key nor item', 'a: 1\ns3cret\n', 2],
    ['text that goes on in the next line', 'token: a\n  s3cret\n', 2],
    ['a key twice', 'token: a\ntoken: s3cret\n', 2],
    ['a list in the middle of a mapping', 'a: 1\n- s3cret\n', 2],
    ['less indentation than anything before', '  a: 1\ns3cret: 2\n', 2],
  ])('%s', (_what, text, line) => {
    expect(() => parseYaml(text)).toThrow(`line ${line}:`);
    expect(() => parseYaml(text)).not.toThrow('s3cret');
  });

  test('what is nested without end', () => {
    const text = Array.from({ length: 100 }, (_, level) => `${' '.repeat(level)}a:`).join('\n');
    expect(() => parseYaml(text)).toThrow('nested too deep');
  });

  test('half of a JSON', () => {
    expect(() => parseYaml('{"token": "s3cret"')).toThrow('it begins like JSON, but is none');
  });
});
