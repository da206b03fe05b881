import { visible } from '../text.ts';

/** How long a wait is not worth a line, in milliseconds. */
const UNNOTICED_MS = 1000;

/** The time between two looks at what is waited for, in milliseconds. */
const LOOK_MS = 250;

/** CSI 0 K: erases from the cursor to the end of the line (ECMA-48, EL). */
const CLEAR = '\r\u001b[K';

let isShown = false;

/**
 * Shows what is waited for on the terminal of stderr, if it takes longer than a second, and clears it afterwards. Where
 * stderr is not a terminal, or has a log, nothing is shown.
 *
 * @param describe - what is waited for, as a clause, when it is asked; undefined: nothing is shown
 */
export async function showWaiting<T>(
  promise: Promise<T>,
  describe: () => string | undefined,
): Promise<T> {
  const beganMs = performance.now();
  const timer = setInterval(() => {
    if (performance.now() - beganMs < UNNOTICED_MS) return;
    // Looked at here: most waits are shorter, and the code for streams takes longer to load than they last.
    const { stderr, env } = process;
    if (!stderr.isTTY || env.TERM === 'dumb' || env.AWS_IOT_LOG) return clearInterval(timer);
    const what = describe();
    clearWaiting();
    if (what === undefined) return;
    // A line that is wrapped could not be cleared.
    const text = visible(`awsiot-credentialhelper: ${what}`).slice(0, (stderr.columns || 80) - 1);
    stderr.write(`\r${text}`);
    isShown = true;
  }, LOOK_MS);
  try {
    return await promise;
  } finally {
    clearInterval(timer);
    clearWaiting();
  }
}

/** Clears the line, before other output. */
export function clearWaiting(): void {
  if (isShown) process.stderr.write(CLEAR);
  isShown = false;
}
