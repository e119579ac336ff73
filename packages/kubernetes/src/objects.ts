// The objects of the Kubernetes API, with the fields that are used here. What was read has all other fields too, and they
// have to go back when it is written: change an object by spreading it, never build it anew.

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
}

export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  /** Another object of the same name has another one. */
  readonly uid?: string;
  /** Changes with each write of the object. To be compared for equality only. */
  readonly resourceVersion?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly OwnerReference[];
  /** Set as soon as somebody has asked for its deletion. */
  readonly deletionTimestamp?: string;
  /** Counts the changes of spec. */
  readonly generation?: number;
}

interface KubeObject {
  /** Of what is written, the client fills in these two. */
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: ObjectMeta;
}

/** An object as the server has it. */
export type Stored<T extends KubeObject> = T & {
  readonly metadata: ObjectMeta & {
    readonly namespace: string;
    readonly uid: string;
    readonly resourceVersion: string;
  };
};

/** coordination.k8s.io/v1 Lease */
export interface LeaseObject extends KubeObject {
  readonly spec?: {
    /** Empty or absent: nobody. */
    readonly holderIdentity?: string;
    /** Whole seconds, greater than 0. */
    readonly leaseDurationSeconds?: number;
    /** See microTime: the server takes exactly six digits after the point. */
    readonly acquireTime?: string;
    readonly renewTime?: string;
    readonly leaseTransitions?: number;
  };
}

/** v1 Pod */
export interface PodObject extends KubeObject {
  readonly spec?: { readonly nodeName?: string };
  readonly status?: { readonly phase?: string; readonly podIP?: string };
}

/** A JSON merge patch of a pod: null takes a label or an annotation away. */
export interface PodPatch {
  readonly metadata: {
    /** Both are preconditions: when the pod has another one, the answer is 409 and nothing is changed. */
    readonly uid?: string;
    readonly resourceVersion?: string;
    readonly labels?: Readonly<Record<string, string | null>>;
    readonly annotations?: Readonly<Record<string, string | null>>;
  };
}

/** apps/v1 StatefulSet */
export interface StatefulSetObject extends KubeObject {
  readonly spec?: {
    readonly replicas?: number;
    readonly serviceName?: string;
    readonly ordinals?: { readonly start?: number };
  };
  /** `observedGeneration`: the metadata.generation that its controller had seen when it wrote the rest. */
  readonly status?: {
    readonly replicas?: number;
    readonly readyReplicas?: number;
    readonly observedGeneration?: number;
  };
}

/** What an event is about. */
export interface ObjectReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid?: string;
}

/** v1 Event */
export interface EventObject extends KubeObject {
  readonly involvedObject: ObjectReference;
  readonly reason: string;
  readonly message: string;
  readonly type: 'Normal' | 'Warning';
  /** How often it has happened, and when first and last, in ISO 8601. */
  readonly count?: number;
  readonly firstTimestamp?: string;
  readonly lastTimestamp?: string;
  readonly source?: { readonly component?: string; readonly host?: string };
  readonly reportingComponent?: string;
  readonly reportingInstance?: string;
}

/** A moment, in milliseconds since 1970, as the server wants it in a Lease: `2026-01-31T12:00:00.000000Z`. */
export function microTime(wallMs: number): string {
  return new Date(wallMs).toISOString().replace(/Z$/, '000Z');
}
