/** How a call of the Kubernetes API can fail: what is counted, and told apart in the log. */
export const KUBE_FAILURES = ['no-answer', 'forbidden', 'conflict', 'throttled', 'other'] as const;
export type KubeFailure = (typeof KUBE_FAILURES)[number];

/** What is known of calls that failed since the sidecar's start. */
export type KubeFailureCounts = Readonly<Partial<Record<KubeFailure, number>>>;
