import type { Account } from '../../account/account.ts';
import { EmulatorError } from '../../errors.ts';
import { endpointPrefix } from '../../names/host-names.ts';

/**
 * Returns the address of an endpoint for `DescribeEndpoint`: the emulator's own for `iot:CredentialProvider`; for the
 * others, which are not emulated, a name like that of AWS.
 *
 * @throws {@link EmulatorError} `InvalidRequestException` for an unknown type
 */
export function endpointAddress(
  { accountId, region }: Account,
  endpointType: string,
  credentialsEndpoint: string,
): string {
  const prefix = endpointPrefix(accountId, 'a');
  const addresses = new Map([
    ['iot:CredentialProvider', credentialsEndpoint],
    ['iot:Data', `${prefix}.iot.${region}.amazonaws.com`],
    ['iot:Data-ATS', `${prefix}-ats.iot.${region}.amazonaws.com`],
    ['iot:Data-Beta', `${prefix}-beta.iot.${region}.amazonaws.com`],
    ['iot:Jobs', `${prefix}.jobs.iot.${region}.amazonaws.com`],
  ]);
  const address = addresses.get(endpointType);
  if (address !== undefined) return address;
  throw new EmulatorError(`Endpoint type ${endpointType} is not recognized`, {
    code: 'InvalidRequestException',
  });
}
