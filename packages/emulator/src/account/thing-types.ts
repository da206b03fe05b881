import { isDeepStrictEqual } from 'node:util';
import { iotArn } from '../names/arns.ts';
import { checkName } from '../names/check-name.ts';
import { makeId } from '../names/ids.ts';
import { lookUp } from '../state/look-up.ts';
import type { ThingType } from '../state/records.ts';
import { alreadyExistsError, awsError, getThingType, type OperationContext } from './context.ts';
import { IOT_TAGS, type TagInput, taggedWith } from './tags.ts';

/** Operations of AWS IoT on thing types. */
export interface ThingTypeOperations {
  /**
   * Creates a thing type. Called again with the same properties, it returns the type that exists.
   *
   * @throws {@link EmulatorError} `InvalidRequestException` for a name that is not valid, or more than 3 searchable
   * attributes, `ResourceAlreadyExistsException` for a type of that name with other properties
   */
  createThingType(input: {
    /** 1 to 128 characters: letters, digits, `:`, `_` and `-`. */
    thingTypeName: string;
    /** Default: none. */
    description?: string | undefined;
    /** Names of attributes, at most 3, in any order. Default: none. */
    searchableAttributes?: readonly string[] | undefined;
    /** The members have AWS's names. Default: none. */
    tags?: TagInput | undefined;
  }): { thingTypeName: string; thingTypeArn: string; thingTypeId: string };
  /**
   * Returns a thing type.
   *
   * @throws {@link EmulatorError} `ResourceNotFoundException`
   */
  describeThingType(input: {
    thingTypeName: string;
  }): ThingType & { readonly thingTypeArn: string };
}

const MAX_SEARCHABLE = 3;

/** The operations on thing types over the stored state. */
export function thingTypeOperations({ store, now }: OperationContext): ThingTypeOperations {
  const { state } = store;
  const thingTypeArn = (name: string) => iotArn(state, `thingtype/${name}`);
  return {
    createThingType({ thingTypeName, description, searchableAttributes = [], tags }) {
      checkName('thing name', thingTypeName);
      if (searchableAttributes.length > MAX_SEARCHABLE) {
        throw awsError(
          'InvalidRequestException',
          'Only three searchable attributes are allowed for a thing type.',
        );
      }
      const existing = lookUp(state.thingTypes, thingTypeName);
      const thingTypeId = existing?.thingTypeId ?? makeId();
      const identifiers = { thingTypeName, thingTypeId, thingTypeArn: thingTypeArn(thingTypeName) };
      if (existing === undefined) {
        store.put('thingTypes', thingTypeName, {
          thingTypeName,
          thingTypeId,
          ...(description !== undefined && { description }),
          ...(searchableAttributes.length > 0 && { searchableAttributes }),
          ...taggedWith(IOT_TAGS, tags),
          creationMs: now(),
        });
      } else if (
        existing.description !== description ||
        !isDeepStrictEqual(new Set(existing.searchableAttributes), new Set(searchableAttributes))
      ) {
        throw alreadyExistsError(
          `Thing Type ${thingTypeName} already exists in current account with different properties`,
          { resourceArn: identifiers.thingTypeArn, resourceId: thingTypeId },
        );
      }
      return identifiers;
    },
    describeThingType({ thingTypeName }) {
      return {
        ...getThingType(state, thingTypeName),
        thingTypeArn: thingTypeArn(thingTypeName),
      };
    },
  };
}
