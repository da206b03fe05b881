import type { Account } from '../../account/account.ts';
import { EmulatorError } from '../../errors.ts';
import { endpointPrefix } from '../../names/host-names.ts';
import { partitionOf } from '../../names/partitions.ts';

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
  const { name, dnsSuffix } = partitionOf(region);
  // As seen in China: `a1b2c3d4e5f6g7.ats.iot.cn-north-1.amazonaws.com.cn`.
  const ats = name === 'aws-cn' ? '.ats' : '-ats';
  const addresses = new Map([
    ['iot:CredentialProvider', credentialsEndpoint],
    ['iot:Data', `${prefix}.iot.${region}.${dnsSuffix}`],
    ['iot:Data-ATS', `${prefix}${ats}.iot.${region}.${dnsSuffix}`],
    ['iot:Data-Beta', `${prefix}-beta.iot.${region}.${dnsSuffix}`],
    ['iot:Jobs', `${prefix}.jobs.iot.${region}.${dnsSuffix}`],
  ]);
  const address = addresses.get(endpointType);
  if (address !== undefined) return address;
  throw new EmulatorError(`Endpoint type ${endpointType} is not recognized`, {
    code: 'InvalidRequestException',
  });
}
