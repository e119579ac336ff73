import { describe, expect, test } from '@jest/globals';
import { viewOfStatefulSet } from '../src/kube/replicas.ts';

const metadata = { name: 'redis', generation: 4 };

describe('what a StatefulSet says', () => {
  test.each([
    ['its controller has seen the present spec', { replicas: 5 }, { replicas: 4, observedGeneration: 4 }, 5, 4],
    ['it has not yet', { replicas: 5 }, { replicas: 3, observedGeneration: 3 }, 5, null],
    ['it has never', { replicas: 5 }, undefined, 5, null],
    ['one pod when nothing else is said', {}, { replicas: 1, observedGeneration: 4 }, 1, 1],
  ])('%s', (_title, spec, status, wanted, existing) => {
    expect(viewOfStatefulSet({ metadata, spec, ...(status === undefined ? {} : { status }) })).toEqual({
      wanted,
      existing,
    });
  });

  test('pods that are not counted from 0 can not be followed', () => {
    const text = viewOfStatefulSet({ metadata, spec: { replicas: 3, ordinals: { start: 5 } } });
    expect(text).toContain('spec.ordinals.start of the StatefulSet redis is 5');
  });
});
