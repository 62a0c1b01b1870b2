/** What the command line works with; nothing is read from anywhere else. */
export interface Shell {
  readonly env: { readonly [name: string]: string | undefined };
  readonly fetch: typeof fetch;
  /** Milliseconds since the epoch. */
  now(): number;
  /** A file, or for `-` the input. Throws where it cannot be read, with what the system says. */
  read(path: string): Promise<Uint8Array>;
  /** Where a person's own settings are, and where the command was called; without a slash at the end. */
  readonly home: string;
  readonly folder: string;
  /** Writes a whole file, and the folders it is in. */
  save(path: string, text: string): Promise<void>;
  out(line: string): void;
  err(line: string): void;
  /** To the output, as it is. */
  write(bytes: Uint8Array): Promise<void>;
}

/** A mistake of who typed it, and not of the gateway. */
export class Misuse extends Error {}
