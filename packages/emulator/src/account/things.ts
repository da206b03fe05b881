import { isDeepStrictEqual } from 'node:util';
import { memoize } from '../memo.ts';
import { iotArn } from '../names/arns.ts';
import { checkName } from '../names/check-name.ts';
import { makeId } from '../names/ids.ts';
import { lookUp } from '../state/look-up.ts';
import { keysInOrder, type Place } from '../state/ordered.ts';
import type { Thing } from '../state/records.ts';
import {
  alreadyExistsError,
  awsError,
  checkVersion,
  getThing,
  getThingType,
  nonEmpty,
  type OperationContext,
} from './context.ts';

/** Operations of AWS IoT on things. */
export interface ThingOperations {
  /**
   * Creates a thing. Called again with the same properties, it returns the thing that exists.
   *
   * @throws {@link EmulatorError} `InvalidRequestException` for a name that is not valid, or too many attributes,
   * `ResourceNotFoundException` for a type that does not exist, `ResourceAlreadyExistsException` for a thing of that
   * name with other properties
   */
  createThing(input: {
    /** 1 to 128 characters: letters, digits, `:`, `_` and `-`. */
    thingName: string;
    /** Default: the thing has no type. */
    thingTypeName?: string | undefined;
    /** Values by name, at most 3, or 50 with a type; empty values are omitted. Default: none. */
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
   * `InvalidRequestException` if it would have more than 3 attributes, or more than 50 with a type,
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
   * @throws {@link EmulatorError} `InvalidRequestException` while a certificate is attached to it,
   * `VersionConflictException` if its version is not the expected one
   */
  deleteThing(input: {
    thingName: string;
    /** The version that the thing must have. Default: any. */
    expectedVersion?: number | undefined;
  }): void;
  /**
   * Returns the names of the things with a type or an attribute, sorted. Default: of all.
   *
   * @throws {@link EmulatorError} `InvalidRequestException` for conditions that AWS IoT does not have: type and
   * attribute together, and a value without the attribute's name
   */
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
}

/** The operations on things over the stored state. */
export function thingOperations({ store }: OperationContext): ThingOperations {
  const { state } = store;
  const thingArn = (name: string) => iotArn(state, `thing/${name}`);

  return {
    createThing({ thingName, thingTypeName, attributes = {} }) {
      checkName('thing name', thingName);
      if (thingTypeName !== undefined) getThingType(state, thingTypeName);
      const existing = lookUp(state.things, thingName);
      if (existing !== undefined) {
        const isSame =
          existing.thingTypeName === thingTypeName &&
          isDeepStrictEqual(existing.attributes, nonEmpty(attributes));
        const { thingId } = existing;
        if (isSame) return { thingName, thingId, thingArn: thingArn(thingName) };
        throw alreadyExistsError(
          `Thing ${thingName} already exists in account with different attributes`,
          { resourceArn: thingArn(thingName), resourceId: thingId },
        );
      }
      checkAttributeCount(thingTypeName, nonEmpty(attributes));
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
      checkVersion(`thing ${thingName}`, version, expectedVersion);
      if (thingTypeName !== undefined) getThingType(state, thingTypeName);
      const newType = removeThingType ? undefined : (thingTypeName ?? oldType);
      const newAttributes = nonEmpty(
        attributes === undefined || merge ? { ...thing.attributes, ...attributes } : attributes,
      );
      checkAttributeCount(newType, newAttributes);
      store.put('things', thingName, {
        ...thing,
        version: version + 1,
        ...(newType !== undefined && { thingTypeName: newType }),
        attributes: newAttributes,
      });
    },
    deleteThing({ thingName, expectedVersion }) {
      const thing = lookUp(state.things, thingName);
      if (thing === undefined) return;
      checkVersion(`thing ${thingName}`, thing.version, expectedVersion);
      if (state.thingCertificates.targetsOf(thingName).size > 0) {
        throw awsError(
          'InvalidRequestException',
          `Cannot delete. Thing ${thingName} is still attached to one or more principals`,
        );
      }
      store.remove('things', thingName);
    },
    listThings(input = {}) {
      checkConditions(input);
      const { thingTypeName, attributeName } = input;
      if (thingTypeName !== undefined) {
        return keysInOrder(state.things, { place: ofType(thingTypeName) });
      }
      if (attributeName === undefined) return keysInOrder(state.things);
      const { attributeValue = '', usePrefixAttributeValue = false } = input;
      const wanted = JSON.stringify([attributeName, attributeValue, usePrefixAttributeValue]);
      return keysInOrder(state.things, { place: withAttribute(wanted) });
    },
  };
}

// AWS General Reference, "AWS IoT Core endpoints and quotas".
const MAX_ATTRIBUTES = 3;
const MAX_ATTRIBUTES_WITH_TYPE = 50;

function checkAttributeCount(type: string | undefined, attributes: object): void {
  const max = type === undefined ? MAX_ATTRIBUTES : MAX_ATTRIBUTES_WITH_TYPE;
  if (Object.keys(attributes).length <= max) return;
  const which = type === undefined ? 'without a thing type' : 'with a thing type';
  throw awsError(
    'InvalidRequestException',
    `Only ${max} attributes are allowed for a thing ${which}.`,
  );
}

type Conditions = NonNullable<Parameters<ThingOperations['listThings']>[0]>;

function checkConditions({
  thingTypeName,
  attributeName,
  attributeValue,
  usePrefixAttributeValue,
}: Conditions): void {
  if (thingTypeName !== undefined && attributeName !== undefined) {
    throw awsError(
      'InvalidRequestException',
      'Listing things by the combination of attribute and thing type is not supported',
    );
  }
  const hasValue = attributeValue !== undefined || usePrefixAttributeValue === true;
  if (hasValue && attributeName === undefined) {
    throw awsError('InvalidRequestException', 'An attribute value requires an attribute name');
  }
}

/** So many conditions are remembered: the things that meet one are kept in order by its function. */
const MAX_CONDITIONS = 100;

/** Returns the order of the things of a type. */
const ofType = memoize(
  MAX_CONDITIONS,
  (type): Place<Thing> =>
    (name, { thingTypeName }) =>
      thingTypeName === type ? name : undefined,
);

/** Returns the order of the things with a value of an attribute; for [its name, the value, whether as a prefix] as JSON. */
const withAttribute = memoize(MAX_CONDITIONS, (wanted): Place<Thing> => {
  const [attributeName, value, isPrefix] = JSON.parse(wanted) as [string, string, boolean];
  return (name, { attributes }) => {
    const found = lookUp(attributes, attributeName);
    const isMet = isPrefix ? found?.startsWith(value) : found === value;
    return isMet ? name : undefined;
  };
});
