/** What runs have done, for rules that let one step be made after another only: remembered for seven days. Both throw `overloaded`. */
export interface RunSteps {
  note(org: string, run: string, steps: readonly string[]): Promise<void>;
  /** Those of the steps that the run has made. */
  made(org: string, run: string, steps: readonly string[]): Promise<readonly string[]>;
}

/** What a run is called in the ledger: each app names its own. */
export const runSubject = (app: string, run: string): string => `run:${encodeURIComponent(app)}/${run}`;
