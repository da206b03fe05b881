import { isDeepStrictEqual } from 'node:util';
import { iotArn } from '../names/arns.ts';
import { checkName } from '../names/check-name.ts';
import { lookUp, makeId, type Thing, type ThingType } from '../state/state.ts';
import {
  failure,
  getPrincipal,
  getThing,
  missing,
  type OperationContext,
  present,
  withItem,
  withoutItem,
} from './context.ts';

/** Operations of AWS IoT on things and their types. */
export interface ThingOperations {
  /** The same thing may be made again; a thing of that name that differs is a conflict. */
  createThing(input: {
    thingName: string;
    thingTypeName?: string | undefined;
    attributes?: Readonly<Record<string, string>> | undefined;
  }): {
    thingName: string;
    thingArn: string;
    thingId: string;
  };
  describeThing(input: { thingName: string }): Thing & { readonly thingArn: string };
  /** Attributes take the place of those the thing has, or with `merge` are added; an empty one is taken away. */
  updateThing(input: {
    thingName: string;
    thingTypeName?: string | undefined;
    removeThingType?: boolean | undefined;
    attributes?: Readonly<Record<string, string>> | undefined;
    merge?: boolean | undefined;
    expectedVersion?: number | undefined;
  }): void;
  /** Nothing happens where there is no such thing. */
  deleteThing(input: { thingName: string }): void;
  createThingType(input: { thingTypeName: string; description?: string | undefined }): {
    thingTypeName: string;
    thingTypeArn: string;
    thingTypeId: string;
  };
  describeThingType(input: {
    thingTypeName: string;
  }): ThingType & { readonly thingTypeArn: string };
  /** `principal` is the ARN of a certificate. */
  attachThingPrincipal(input: { thingName: string; principal: string }): void;
  detachThingPrincipal(input: { thingName: string; principal: string }): void;
  /** The ARNs of the certificates that are attached to a thing. */
  listThingPrincipals(input: { thingName: string }): readonly string[];
  /** The names of the things that a certificate is attached to. */
  listPrincipalThings(input: { principal: string }): readonly string[];
}

/** The operations on things over the stored state. */
export function thingOperations({ store, now }: OperationContext): ThingOperations {
  const { state } = store;
  const getType = (name: string) => {
    const type = lookUp(state.thingTypes, name);
    if (type === undefined) throw missing(`thing type ${name}`);
    return type;
  };
  const thingArn = (name: string) => iotArn(state, `thing/${name}`);
  const thingTypeArn = (name: string) => iotArn(state, `thingtype/${name}`);
  const changeAttachment = (thingName: string, principal: string, change: typeof withItem) => {
    const thing = getThing(state, thingName);
    const certificate = getPrincipal(state, principal);
    const { certificateId: id } = certificate;
    store.batch(() => {
      store.put('things', thingName, {
        ...thing,
        certificateIds: change(thing.certificateIds, id),
      });
      store.put('certificates', id, {
        ...certificate,
        thingNames: change(certificate.thingNames, thingName),
      });
    });
  };

  return {
    createThing({ thingName, thingTypeName, attributes = {} }) {
      checkName('thing name', thingName);
      if (thingTypeName !== undefined) getType(thingTypeName);
      const existing = lookUp(state.things, thingName);
      if (existing !== undefined) {
        const isSame =
          existing.thingTypeName === thingTypeName &&
          isDeepStrictEqual({ ...existing.attributes }, { ...nonEmpty(attributes).attributes });
        if (!isSame) throw present(`thing ${thingName}, with other properties,`);
        return { thingName, thingId: existing.thingId, thingArn: thingArn(thingName) };
      }
      const thingId = makeId();
      store.put('things', thingName, {
        thingName,
        thingId,
        certificateIds: [],
        ...(thingTypeName !== undefined && { thingTypeName }),
        ...nonEmpty(attributes),
      });
      return { thingName, thingId, thingArn: thingArn(thingName) };
    },
    describeThing({ thingName }) {
      return { ...getThing(state, thingName), thingArn: thingArn(thingName) };
    },
    updateThing({ thingName, thingTypeName, removeThingType, attributes, merge, expectedVersion }) {
      const { thingTypeName: oldType, attributes: old = {}, ...thing } = getThing(state, thingName);
      const { version = 1 } = thing;
      if (expectedVersion !== undefined && expectedVersion !== version) {
        throw failure(
          'VersionConflictException',
          `version ${version} of thing ${thingName} is not the expected version ${expectedVersion}`,
        );
      }
      if (thingTypeName !== undefined) getType(thingTypeName);
      const newType = removeThingType ? undefined : (thingTypeName ?? oldType);
      const newAttributes =
        attributes === undefined || merge ? { ...old, ...attributes } : attributes;
      store.put('things', thingName, {
        ...thing,
        version: version + 1,
        ...(newType !== undefined && { thingTypeName: newType }),
        ...nonEmpty(newAttributes),
      });
    },
    deleteThing({ thingName }) {
      const thing = lookUp(state.things, thingName);
      if (thing === undefined) return;
      if (thing.certificateIds.length > 0) {
        throw failure(
          'InvalidRequestException',
          `Cannot delete. Thing ${thingName} is still attached to one or more principals`,
        );
      }
      store.remove('things', thingName);
    },
    createThingType({ thingTypeName, description }) {
      checkName('thing name', thingTypeName);
      const existing = lookUp(state.thingTypes, thingTypeName);
      if (existing !== undefined && existing.description !== description) {
        throw present(`thing type ${thingTypeName}, with other properties,`);
      }
      const thingTypeId = existing?.thingTypeId ?? makeId();
      if (existing === undefined) {
        const type = { thingTypeName, thingTypeId, creationMs: now() };
        store.put('thingTypes', thingTypeName, {
          ...type,
          ...(description !== undefined && { description }),
        });
      }
      return { thingTypeName, thingTypeId, thingTypeArn: thingTypeArn(thingTypeName) };
    },
    describeThingType({ thingTypeName }) {
      return { ...getType(thingTypeName), thingTypeArn: thingTypeArn(thingTypeName) };
    },
    attachThingPrincipal({ thingName, principal }) {
      changeAttachment(thingName, principal, withItem);
    },
    detachThingPrincipal({ thingName, principal }) {
      changeAttachment(thingName, principal, withoutItem);
    },
    listThingPrincipals({ thingName }) {
      return getThing(state, thingName).certificateIds.map((id) => iotArn(state, `cert/${id}`));
    },
    listPrincipalThings({ principal }) {
      return getPrincipal(state, principal).thingNames ?? [];
    },
  };
}

/** AWS IoT keeps no attribute that is empty. */
function nonEmpty(attributes: Readonly<Record<string, string>>): Pick<Thing, 'attributes'> {
  const kept = Object.entries(attributes).filter(([, value]) => value !== '');
  return kept.length === 0 ? {} : { attributes: Object.fromEntries(kept) };
}
