/** Differences from the usual set. */
export interface Setup {
  readonly sentinelFlags?: readonly string[];
  readonly makeSlaveFlags?: readonly string[];
  readonly baseConfig?: readonly string[];
  readonly password?: string;
}
