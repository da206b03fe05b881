/**
 * A PIN or passphrase. `util.inspect` shows it as `Secret {}`, JSON and string templates as `[secret]`, so that no
 * log line or error can contain it by accident; only {@link Secret.reveal} returns the text.
 */
export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** The text itself, for the one call that needs it. */
  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return '[secret]';
  }

  toJSON(): string {
    return '[secret]';
  }
}
