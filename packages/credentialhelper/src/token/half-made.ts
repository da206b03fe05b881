import type { Handle } from '../pkcs11/pkcs11.ts';
import { destroyObjects, findAll, readName } from './objects.ts';
import type { TokenSession } from './session.ts';

/** Longer than a library takes to give an object that another process makes its name, in milliseconds. */
const NAMING_MS = 200;

/**
 * Remembers which objects of a token have neither label nor id. SoftHSM leaves such a one where making an object fails
 * half-way.
 *
 * @returns removes those that have come since
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
