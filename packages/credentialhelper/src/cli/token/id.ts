import { InvalidArgumentError } from 'commander';

/** The value of `--id`: bytes as hexadecimal digits. */
export function parseId(text: string): Buffer {
  if (/^(?:[0-9a-f]{2}){1,128}$/i.test(text)) return Buffer.from(text, 'hex');
  throw new InvalidArgumentError(
    'Expected an even number of hexadecimal digits, such as 01 or a1b2.',
  );
}
