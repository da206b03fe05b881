import { EmulatorError } from '../../errors.ts';
import { endpointPrefix } from '../../names/host-names.ts';
import type { State } from '../../state/state.ts';

/**
 * The address of an endpoint, as `DescribeEndpoint` gives it: the emulator's own for `iot:CredentialProvider`, and for
 * the others, which are not emulated, what AWS's look like.
 *
 * @throws {@link EmulatorError} `InvalidRequestException` for a type that AWS IoT does not have
 */
export function endpointAddress(
  state: State,
  endpointType: string,
  credentialsEndpoint: string,
): string {
  const { accountId, region } = state;
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
