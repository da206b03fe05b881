/** Options that hints name, as they are called in the options of a session. */
export type NamedOption =
  | 'ignorePinFlags'
  | 'libraryParameters'
  | 'passphrase'
  | 'slotId'
  | 'timeoutMs'
  | 'tokenSerial';

let names: Readonly<Record<NamedOption, string>> | undefined;

/** Names options in this process from now on as its user writes them: a command line has flags. */
export function nameOptions(given: Readonly<Record<NamedOption, string>>): void {
  names = given;
}

/** What messages call an option. */
export function optionName(option: NamedOption): string {
  return names?.[option] ?? `"${option}"`;
}
