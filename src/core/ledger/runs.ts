/** What a run is called in the ledger: each app names its own. */
export const runSubject = (app: string, run: string): string => `run:${encodeURIComponent(app)}/${run}`;
