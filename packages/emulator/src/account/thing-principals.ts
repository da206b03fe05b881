import { iotArn } from '../names/arns.ts';
import { sorted } from '../state/ordered.ts';
import { getPrincipal, getThing, type OperationContext } from './context.ts';

/** Operations of AWS IoT on the certificates of things. */
export interface ThingPrincipalOperations {
  /**
   * Attaches a certificate to a thing. Does nothing if it is already attached.
   *
   * @throws {@link EmulatorError} `ResourceNotFoundException` if one of them does not exist
   */
  attachThingPrincipal(input: {
    thingName: string;
    /** The ARN of the certificate. */
    principal: string;
  }): void;
  /**
   * Detaches a certificate from a thing. Does nothing if it is not attached.
   *
   * @throws {@link EmulatorError} `ResourceNotFoundException` if one of them does not exist
   */
  detachThingPrincipal(input: {
    thingName: string;
    /** The ARN of the certificate. */
    principal: string;
  }): void;
  /**
   * Returns the ARNs of the certificates that are attached to a thing, sorted.
   *
   * @throws {@link EmulatorError} `ResourceNotFoundException`
   */
  listThingPrincipals(input: { thingName: string }): readonly string[];
  /**
   * Returns the names of the things that a certificate is attached to, sorted.
   *
   * @throws {@link EmulatorError} `ResourceNotFoundException`
   */
  listPrincipalThings(input: {
    /** The ARN of the certificate. */
    principal: string;
  }): readonly string[];
}

/** The operations on the certificates of things over the stored state. */
export function thingPrincipalOperations({ store }: OperationContext): ThingPrincipalOperations {
  const { state } = store;
  const attachment = (thingName: string, principal: string) =>
    [
      'thingCertificates',
      getThing(state, thingName).thingName,
      getPrincipal(state, principal).certificateId,
    ] as const;
  return {
    attachThingPrincipal({ thingName, principal }) {
      store.link(...attachment(thingName, principal));
    },
    detachThingPrincipal({ thingName, principal }) {
      store.unlink(...attachment(thingName, principal));
    },
    listThingPrincipals({ thingName }) {
      getThing(state, thingName);
      const ids = sorted(state.thingCertificates.targetsOf(thingName));
      return ids.map((id) => iotArn(state, `cert/${id}`));
    },
    listPrincipalThings({ principal }) {
      const { certificateId } = getPrincipal(state, principal);
      return sorted(state.thingCertificates.sourcesOf(certificateId));
    },
  };
}
