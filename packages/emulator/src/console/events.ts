import { open } from './call.ts';

/**
 * Reads server-sent events with JSON until the stream ends. `EventSource` cannot send the token.
 *
 * @throws {@link CallError} (as a rejection) if the request fails
 */
export async function readEvents<T>(
  path: string,
  receive: (event: T) => void,
  signal: AbortSignal,
): Promise<void> {
  const { body } = await open(path, { signal });
  const reader = body?.pipeThrough(new TextDecoderStream()).getReader();
  if (reader === undefined) return;
  let waiting = '';
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    const events = (waiting + part.value).split('\n\n');
    waiting = events.pop() ?? '';
    for (const event of events) {
      if (event.startsWith('data: ')) receive(JSON.parse(event.slice('data: '.length)) as T);
    }
  }
}
