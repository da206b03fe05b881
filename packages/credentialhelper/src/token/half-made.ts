import type { Handle } from '../pkcs11/pkcs11.ts';
import { destroyObjects, findAll, readName } from './objects.ts';
import type { TokenSession } from './session.ts';

/** Longer than a library takes to name an object that another process creates, in milliseconds. */
const NAMING_MS = 200;

/**
 * Records the objects of a token without label and id. SoftHSM leaves such an object behind if its creation
 * fails.
 *
 * @returns a function that deletes those created since
 */
export function rememberNameless(session: TokenSession): () => void {
  const before = findNameless(session);
  const findNew = () => findNameless(session).filter((object) => !before.includes(object));
  return () => {
    if (findNew().length === 0) return;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, NAMING_MS);
    destroyObjects(session, findNew());
  };
}

function findNameless(session: TokenSession): readonly Handle[] {
  return findAll(session, {}).filter((object) => {
    const { label, id } = readName(session, object);
    return label.length === 0 && id.length === 0;
  });
}
