import { ObjectIdentifier, PrintableString, Sequence, Set as SetOf, Utf8String } from 'asn1js';
import { CredentialHelperError } from '../errors.ts';

/** An attribute of a distinguished name. */
interface SubjectAttribute {
  readonly oid: string;
  readonly value: string;
  /** Whether its syntax permits only PrintableString (RFC 5280, appendix A.1). */
  readonly printable: boolean;
}

// RFC 4519, section 2; the names of RFC 4514, section 3, and serialNumber.
const ATTRIBUTES: Readonly<Record<string, { readonly oid: string; readonly printable?: true }>> = {
  CN: { oid: '2.5.4.3' },
  serialNumber: { oid: '2.5.4.5', printable: true },
  C: { oid: '2.5.4.6', printable: true },
  L: { oid: '2.5.4.7' },
  ST: { oid: '2.5.4.8' },
  O: { oid: '2.5.4.10' },
  OU: { oid: '2.5.4.11' },
};

const PRINTABLE = /^[A-Za-z0-9 '()+,\-./:=?]*$/;

/**
 * Reads a subject such as `CN=my-thing,O=Example Corp`, in the order of its components. A comma or backslash in a
 * value is escaped with a backslash.
 *
 * @throws {@link CredentialHelperError} `ERR_INVALID_OPTION`
 */
export function parseSubject(text: string): readonly SubjectAttribute[] {
  const parts = text.match(/(?:\\.|[^,\\])+/gs) ?? [];
  if (parts.length === 0 || parts.join(',') !== text) throw invalid('it has an empty component');
  return parts.map((part) => {
    const [, type = '', escaped = ''] = /^\s*([A-Za-z]+)\s*=\s*(.*?)\s*$/s.exec(part) ?? [];
    const name = Object.keys(ATTRIBUTES).find((key) => key.toLowerCase() === type.toLowerCase());
    const attribute = name === undefined ? undefined : ATTRIBUTES[name];
    if (attribute === undefined) {
      throw invalid(
        `each component is one of ${Object.keys(ATTRIBUTES).join(', ')}, then = and a value`,
      );
    }
    const value = escaped.replace(/\\(.)/gs, '$1');
    const printable = attribute.printable === true;
    if (value === '') throw invalid(`${name} is empty`);
    if (printable && !PRINTABLE.test(value)) throw invalid(`${name} has an invalid character`);
    if (name === 'C' && !/^[A-Za-z]{2}$/.test(value))
      throw invalid('C is a country code: two letters');
    return { oid: attribute.oid, value, printable };
  });
}

/** The distinguished name of a subject (RFC 5280, section 4.1.2.4). */
export function subjectName(attributes: readonly SubjectAttribute[]): Sequence {
  return new Sequence({
    value: attributes.map(
      ({ oid, value, printable }) =>
        new SetOf({
          value: [
            new Sequence({
              value: [
                new ObjectIdentifier({ value: oid }),
                printable ? new PrintableString({ value }) : new Utf8String({ value }),
              ],
            }),
          ],
        }),
    ),
  });
}

/** A subject with one common name, which may contain any characters. */
export function commonName(value: string): readonly SubjectAttribute[] {
  return [{ oid: '2.5.4.3', value, printable: false }];
}

function invalid(problem: string): CredentialHelperError {
  return new CredentialHelperError(`invalid subject: ${problem}`, {
    code: 'ERR_INVALID_OPTION',
    hint: 'example: CN=my-thing,O=Example Corp,C=DE',
  });
}
