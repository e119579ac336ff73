import { ApiFailure, badRequest } from './failure.ts';
import { findKind, type Kind } from './kinds.ts';

/** What a request is about. */
export interface Route {
  readonly kind: Kind;
  readonly namespace: string;
  /** Empty for the whole collection. */
  readonly name: string;
  /** `token`, or empty. */
  readonly subresource: string;
  /** As RBAC has it. */
  readonly verb: string;
  /** The name that a rule with resourceNames is compared with: that of the path, or the one that is selected. */
  readonly nameForRules: string;
  readonly query: URLSearchParams;
}

const VERBS: Readonly<Record<string, string>> = {
  GET: 'get',
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

/** @throws ApiFailure (404) for a path that is none of the stand-in's. */
export function routeOf(method: string, target: string): Route {
  const url = new URL(target, 'http://localhost');
  const parts = url.pathname
    .split('/')
    .filter((part) => part !== '')
    .map(decodeURIComponent);
  const [root, ...rest] = parts;
  const [group, version, ...path] = root === 'apis' ? rest : ['', ...rest];
  const isNamespaced = path[0] === 'namespaces' && path.length > 2;
  const [plural = '', name = '', subresource = ''] = isNamespaced ? path.slice(2) : path;
  const kind = findKind(group ?? '', version ?? '', plural);
  const verb = VERBS[method];
  if ((root !== 'api' && root !== 'apis') || !kind || kind.isNamespaced !== isNamespaced || verb === undefined) {
    throw new ApiFailure(404, 'NotFound', 'the server could not find the requested resource');
  }
  const isWatch = ['true', '1'].includes(url.searchParams.get('watch') ?? '');
  const isList = method === 'GET' && name === '';
  return {
    kind,
    namespace: isNamespaced ? (path[1] ?? '') : '',
    name,
    subresource,
    verb: isList ? (isWatch ? 'watch' : 'list') : verb,
    nameForRules: isList ? selectedName(url.searchParams) : name,
    query: url.searchParams,
  };
}

/** The stand-in knows one field selector: that of a name. */
export function selectedName(query: URLSearchParams): string {
  const selector = query.get('fieldSelector') ?? '';
  if (selector === '') return '';
  const match = /^metadata\.name==?([^,]+)$/.exec(selector);
  if (!match) throw badRequest(`field label not supported: ${selector}`);
  return match[1] ?? '';
}
