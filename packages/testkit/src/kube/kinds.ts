/** A kind of object that the stand-in has, with the rules that a real server has for it. */
export interface Kind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly isNamespaced: boolean;
  /** A PUT of what does not exist makes it. */
  readonly canBePutNew: boolean;
  /** A PUT without resourceVersion is taken as it is. */
  readonly canBePutBlindly: boolean;
  /** Its status can not be written together with the rest; generation counts the changes of its spec. */
  readonly hasStatus: boolean;
}

const namespaced = { isNamespaced: true, canBePutNew: false, canBePutBlindly: true, hasStatus: false };
const rbac = { group: 'rbac.authorization.k8s.io', version: 'v1' };

const KINDS: readonly Kind[] = [
  {
    ...namespaced,
    group: 'coordination.k8s.io',
    version: 'v1',
    kind: 'Lease',
    plural: 'leases',
    canBePutNew: true,
    canBePutBlindly: false,
  },
  { ...namespaced, group: '', version: 'v1', kind: 'Pod', plural: 'pods', hasStatus: true },
  { ...namespaced, group: '', version: 'v1', kind: 'Event', plural: 'events', canBePutNew: true },
  { ...namespaced, group: 'apps', version: 'v1', kind: 'StatefulSet', plural: 'statefulsets', hasStatus: true },
  { ...namespaced, group: '', version: 'v1', kind: 'ServiceAccount', plural: 'serviceaccounts' },
  { ...namespaced, group: '', version: 'v1', kind: 'Namespace', plural: 'namespaces', isNamespaced: false },
  { ...namespaced, ...rbac, kind: 'Role', plural: 'roles' },
  { ...namespaced, ...rbac, kind: 'RoleBinding', plural: 'rolebindings' },
];

export function apiVersionOf({ group, version }: Kind): string {
  return group === '' ? version : `${group}/${version}`;
}

export function findKind(group: string, version: string, plural: string): Kind | undefined {
  return KINDS.find((it) => it.group === group && it.version === version && it.plural === plural);
}

export function kindNamed(plural: string): Kind {
  const kind = KINDS.find((it) => it.plural === plural);
  if (!kind) throw new Error(`the stand-in has no ${plural}`);
  return kind;
}
