import type { KubeApi, KubeError, KubeWatch } from './api.ts';
import type {
  EventObject,
  LeaseObject,
  ObjectMeta,
  PodObject,
  PodPatch,
  StatefulSetObject,
  Stored,
} from './objects.ts';
import { EVENTS, LEASES, objectIn, pathOf, PODS, STATEFUL_SETS, type Resource } from './resources.ts';
import type { Call, Transport } from './transport.ts';
import { NameWatch } from './watch.ts';

interface AnyObject {
  readonly metadata: ObjectMeta;
}

export interface ClientOptions {
  readonly namespace: string;
  readonly transport: Transport;
  /** Between 0 (included) and 1 (not included). */
  readonly random: () => number;
}

/** The port in terms of HTTP. */
export class KubeClient implements KubeApi {
  readonly namespace: string;
  readonly #transport: Transport;
  readonly #random: () => number;
  readonly #watches = new Set<KubeWatch>();

  constructor({ namespace, transport, random }: ClientOptions) {
    this.namespace = namespace;
    this.#transport = transport;
    this.#random = random;
  }

  readLease(name: string): Promise<Stored<LeaseObject>> {
    return this.#read(LEASES, name);
  }

  createLease(lease: LeaseObject): Promise<Stored<LeaseObject>> {
    return this.#create(LEASES, lease);
  }

  async replaceLease(lease: Stored<LeaseObject>): Promise<Stored<LeaseObject>> {
    const { name } = lease.metadata;
    const call = { method: 'PUT', path: pathOf(LEASES, this.namespace, name), body: this.#bodyOf(LEASES, lease) };
    return this.#call(LEASES, name, call);
  }

  readPod(name: string): Promise<Stored<PodObject>> {
    return this.#read(PODS, name);
  }

  patchPod(name: string, patch: PodPatch): Promise<Stored<PodObject>> {
    return this.#patch(PODS, name, patch);
  }

  readStatefulSet(name: string): Promise<Stored<StatefulSetObject>> {
    return this.#read(STATEFUL_SETS, name);
  }

  watchStatefulSet(
    name: string,
    onChange: (now: Stored<StatefulSetObject>) => void,
    onTrouble: (error: KubeError) => void,
  ): KubeWatch {
    const watch = new NameWatch<StatefulSetObject>({
      transport: this.#transport,
      resource: STATEFUL_SETS,
      path: pathOf(STATEFUL_SETS, this.namespace),
      name,
      random: this.#random,
      onChange,
      onTrouble,
      onStopped: () => this.#watches.delete(watch),
    });
    this.#watches.add(watch);
    watch.start();
    return watch;
  }

  createEvent(event: EventObject): Promise<Stored<EventObject>> {
    return this.#create(EVENTS, event);
  }

  patchEvent(name: string, patch: Partial<EventObject>): Promise<Stored<EventObject>> {
    return this.#patch(EVENTS, name, patch);
  }

  close(): void {
    for (const watch of [...this.#watches]) watch.stop();
    this.#transport.close();
  }

  #read<T extends AnyObject>(resource: Resource, name: string): Promise<Stored<T>> {
    return this.#call<T>(resource, name, { method: 'GET', path: pathOf(resource, this.namespace, name) });
  }

  #create<T extends AnyObject>(resource: Resource, object: T): Promise<Stored<T>> {
    const call = { method: 'POST', path: pathOf(resource, this.namespace), body: this.#bodyOf(resource, object) };
    return this.#call<T>(resource, object.metadata.name, call);
  }

  #patch<T extends AnyObject>(resource: Resource, name: string, patch: object): Promise<Stored<T>> {
    const contentType = 'application/merge-patch+json';
    const path = pathOf(resource, this.namespace, name);
    return this.#call<T>(resource, name, { method: 'PATCH', path, contentType, body: JSON.stringify(patch) });
  }

  async #call<T extends AnyObject>(resource: Resource, name: string, call: Call): Promise<Stored<T>> {
    return objectIn<T>(await this.#transport.call(call), resource, name, call);
  }

  /** All that the object has, and what every object has to have. */
  #bodyOf({ apiVersion, kind }: Resource, object: AnyObject): string {
    return JSON.stringify({ ...object, apiVersion, kind, metadata: { ...object.metadata, namespace: this.namespace } });
  }
}
