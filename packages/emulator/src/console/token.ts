const NAME = 'controlToken';
const FRAGMENT = /^#token=([\w-]+)$/;

/**
 * Moves the control token from the fragment of the address to the storage of this tab, so that it is neither in the
 * address bar nor in the history.
 */
export function takeToken(): void {
  const token = FRAGMENT.exec(location.hash)?.[1];
  if (token === undefined) return;
  sessionStorage.setItem(NAME, token);
  history.replaceState(null, '', '#/things');
}

/** Returns the control token, if there is one. */
export function readToken(): string | undefined {
  return sessionStorage.getItem(NAME) ?? undefined;
}

/** Sets the control token. */
export function keepToken(token: string): void {
  sessionStorage.setItem(NAME, token);
}

/** Removes the control token. */
export function dropToken(): void {
  sessionStorage.removeItem(NAME);
}
