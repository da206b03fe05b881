/** Options that hints name, by their names in a session. */
export type NamedOption =
  | 'ignorePinFlags'
  | 'libraryParameters'
  | 'passphrase'
  | 'slotId'
  | 'timeoutMs'
  | 'tokenSerial';

let names: Readonly<Record<NamedOption, string>> | undefined;

/** Sets the names of options in messages of this process, such as the flags of a command line. */
export function nameOptions(given: Readonly<Record<NamedOption, string>>): void {
  names = given;
}

/** The name of an option in messages. */
export function optionName(option: NamedOption): string {
  return names?.[option] ?? `"${option}"`;
}
