import { isDeepStrictEqual } from 'node:util';
import { iotArn } from '../names/arns.ts';
import { checkName } from '../names/check-name.ts';
import { makeId } from '../names/ids.ts';
import { lookUp } from '../state/look-up.ts';
import type { Thing, ThingType } from '../state/records.ts';
import {
  alreadyExistsError,
  awsError,
  getPrincipal,
  getThing,
  notFoundError,
  type OperationContext,
} from './context.ts';

/** Operations of AWS IoT on things and their types. */
export interface ThingOperations {
  /**
   * Creates a thing. Called again with the same properties, it returns the thing that exists.
   *
   * @throws {@link EmulatorError} `InvalidRequestException` for a name that is not valid, `ResourceNotFoundException`
   * for a type that does not exist, `ResourceAlreadyExistsException` for a thing of that name with other properties
   */
  createThing(input: {
    /** 1 to 128 characters: letters, digits, `:`, `_` and `-`. */
    thingName: string;
    /** Default: the thing has no type. */
    thingTypeName?: string | undefined;
    /** Values by name; empty values are omitted. Default: none. */
    attributes?: Readonly<Record<string, string>> | undefined;
  }): { thingName: string; thingArn: string; thingId: string };
  /**
   * Returns a thing.
   *
   * @throws {@link EmulatorError} `ResourceNotFoundException`
   */
  describeThing(input: { thingName: string }): Thing & { readonly thingArn: string };
  /**
   * Changes the type or the attributes of a thing. Omitted members are unchanged.
   *
   * @throws {@link EmulatorError} `ResourceNotFoundException` for a thing or a type that does not exist,
   * `VersionConflictException` if the thing's version is not the expected one
   */
  updateThing(input: {
    thingName: string;
    /** Default: unchanged. */
    thingTypeName?: string | undefined;
    /** Removes the type, whatever `thingTypeName` is. Default false. */
    removeThingType?: boolean | undefined;
    /** Values by name; an empty one is removed. Default: unchanged. */
    attributes?: Readonly<Record<string, string>> | undefined;
    /** True: `attributes` are added to those of the thing. Default false: they replace them. */
    merge?: boolean | undefined;
    /** The version that the thing must have. Default: any. */
    expectedVersion?: number | undefined;
  }): void;
  /**
   * Deletes a thing. Does nothing if the thing does not exist.
   *
   * @throws {@link EmulatorError} `InvalidRequestException` while a certificate is attached to it
   */
  deleteThing(input: { thingName: string }): void;
  /** Returns the names of the things that match all conditions, sorted. */
  listThings(input?: {
    /** Default: not filtered by type. */
    thingTypeName?: string | undefined;
    /** Default: not filtered by attribute. */
    attributeName?: string | undefined;
    /** The value of that attribute, or with `usePrefixAttributeValue` its prefix. Default: the empty string. */
    attributeValue?: string | undefined;
    /** Default false. */
    usePrefixAttributeValue?: boolean | undefined;
  }): readonly string[];
  /**
   * Creates a thing type. Called again with the same description, it returns the type that exists.
   *
   * @throws {@link EmulatorError} `InvalidRequestException` for a name that is not valid,
   * `ResourceAlreadyExistsException` for a type of that name with another description
   */
  createThingType(input: {
    /** 1 to 128 characters: letters, digits, `:`, `_` and `-`. */
    thingTypeName: string;
    /** Default: none. */
    description?: string | undefined;
  }): { thingTypeName: string; thingTypeArn: string; thingTypeId: string };
  /**
   * Returns a thing type.
   *
   * @throws {@link EmulatorError} `ResourceNotFoundException`
   */
  describeThingType(input: {
    thingTypeName: string;
  }): ThingType & { readonly thingTypeArn: string };
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

/** The operations on things over the stored state. */
export function thingOperations({ store, now }: OperationContext): ThingOperations {
  const { state } = store;
  const getType = (name: string) => {
    const type = lookUp(state.thingTypes, name);
    if (type === undefined) throw notFoundError(`thing type ${name}`);
    return type;
  };
  const thingArn = (name: string) => iotArn(state, `thing/${name}`);
  const thingTypeArn = (name: string) => iotArn(state, `thingtype/${name}`);
  const attachment = (thingName: string, principal: string) =>
    [
      'thingCertificates',
      getThing(state, thingName).thingName,
      getPrincipal(state, principal).certificateId,
    ] as const;

  return {
    createThing({ thingName, thingTypeName, attributes = {} }) {
      checkName('thing name', thingName);
      if (thingTypeName !== undefined) getType(thingTypeName);
      const existing = lookUp(state.things, thingName);
      if (existing !== undefined) {
        const isSame =
          existing.thingTypeName === thingTypeName &&
          isDeepStrictEqual(existing.attributes, nonEmpty(attributes));
        if (!isSame) throw alreadyExistsError(`thing ${thingName}, with other properties,`);
        return { thingName, thingId: existing.thingId, thingArn: thingArn(thingName) };
      }
      const thingId = makeId();
      store.put('things', thingName, {
        thingName,
        thingId,
        version: 1,
        ...(thingTypeName !== undefined && { thingTypeName }),
        attributes: nonEmpty(attributes),
      });
      return { thingName, thingId, thingArn: thingArn(thingName) };
    },
    describeThing({ thingName }) {
      return { ...getThing(state, thingName), thingArn: thingArn(thingName) };
    },
    updateThing({ thingName, thingTypeName, removeThingType, attributes, merge, expectedVersion }) {
      const { thingTypeName: oldType, ...thing } = getThing(state, thingName);
      const { version } = thing;
      if (expectedVersion !== undefined && expectedVersion !== version) {
        throw awsError(
          'VersionConflictException',
          `version ${version} of thing ${thingName} is not the expected version ${expectedVersion}`,
        );
      }
      if (thingTypeName !== undefined) getType(thingTypeName);
      const newType = removeThingType ? undefined : (thingTypeName ?? oldType);
      const newAttributes =
        attributes === undefined || merge ? { ...thing.attributes, ...attributes } : attributes;
      store.put('things', thingName, {
        ...thing,
        version: version + 1,
        ...(newType !== undefined && { thingTypeName: newType }),
        attributes: nonEmpty(newAttributes),
      });
    },
    deleteThing({ thingName }) {
      if (lookUp(state.things, thingName) === undefined) return;
      if (state.thingCertificates.targetsOf(thingName).size > 0) {
        throw awsError(
          'InvalidRequestException',
          `Cannot delete. Thing ${thingName} is still attached to one or more principals`,
        );
      }
      store.remove('things', thingName);
    },
    listThings(input = {}) {
      return Object.values(state.things)
        .filter(
          (thing) =>
            (input.thingTypeName === undefined || thing.thingTypeName === input.thingTypeName) &&
            hasAttribute(thing.attributes, input),
        )
        .map(({ thingName }) => thingName)
        .sort();
    },
    createThingType({ thingTypeName, description }) {
      checkName('thing name', thingTypeName);
      const existing = lookUp(state.thingTypes, thingTypeName);
      if (existing !== undefined && existing.description !== description) {
        throw alreadyExistsError(`thing type ${thingTypeName}, with other properties,`);
      }
      const thingTypeId = existing?.thingTypeId ?? makeId();
      if (existing === undefined) {
        store.put('thingTypes', thingTypeName, {
          thingTypeName,
          thingTypeId,
          ...(description !== undefined && { description }),
          creationMs: now(),
        });
      }
      return { thingTypeName, thingTypeId, thingTypeArn: thingTypeArn(thingTypeName) };
    },
    describeThingType({ thingTypeName }) {
      return { ...getType(thingTypeName), thingTypeArn: thingTypeArn(thingTypeName) };
    },
    attachThingPrincipal({ thingName, principal }) {
      store.link(...attachment(thingName, principal));
    },
    detachThingPrincipal({ thingName, principal }) {
      store.unlink(...attachment(thingName, principal));
    },
    listThingPrincipals({ thingName }) {
      getThing(state, thingName);
      const ids = state.thingCertificates.targetsOf(thingName);
      return [...ids].map((id) => iotArn(state, `cert/${id}`)).sort();
    },
    listPrincipalThings({ principal }) {
      const { certificateId } = getPrincipal(state, principal);
      return [...state.thingCertificates.sourcesOf(certificateId)].sort();
    },
  };
}

/** AWS IoT does not store empty attributes. */
function nonEmpty(attributes: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== ''));
}

function hasAttribute(
  attributes: Readonly<Record<string, string>>,
  wanted: NonNullable<Parameters<ThingOperations['listThings']>[0]>,
): boolean {
  const { attributeName, attributeValue = '', usePrefixAttributeValue = false } = wanted;
  if (attributeName === undefined) return true;
  const found = lookUp(attributes, attributeName);
  if (found === undefined) return false;
  return usePrefixAttributeValue ? found.startsWith(attributeValue) : found === attributeValue;
}
