import { nameOptions } from '../option-names.ts';

/** Sets the names of options in messages to the flags of the command line. */
export function nameOptionsAsFlags(): void {
  nameOptions({
    ignorePinFlags: '--ignore-pin-flags',
    libraryParameters: '--library-parameters',
    passphrase: '--passphrase-file',
    slotId: '--slot-id',
    timeoutMs: '--timeout-ms',
    tokenSerial: '--token-serial',
  });
}
