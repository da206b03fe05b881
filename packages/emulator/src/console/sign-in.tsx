import { useRef } from 'preact/hooks';
import { Heading } from './heading.tsx';
import { keepToken } from './token.ts';

/** Asks for the control token, for an address without it. */
export function SignIn(props: { readonly wasRejected: boolean; readonly onToken: () => void }) {
  const input = useRef<HTMLInputElement>(null);
  const submit = (event: Event) => {
    event.preventDefault();
    const token = input.current?.value.trim() ?? '';
    if (token === '') return;
    keepToken(token);
    props.onToken();
    // Draws the view, also if the token was not rejected before.
    window.dispatchEvent(new HashChangeEvent('hashchange'));
  };
  return (
    <main>
      <Heading title="Control token" />
      {props.wasRejected && (
        <p role="alert" class="problem">
          The emulator rejected the token. It has a new one after each start.
        </p>
      )}
      <p>
        Open the address that <code>start</code> prints as <code>consoleUrl</code>, or enter the{' '}
        <code>controlToken</code>.
      </p>
      <form onSubmit={submit} class="row">
        <label for="token">Control token</label>
        <input id="token" type="password" autocomplete="off" ref={input} />
        <button type="submit">Open the console</button>
      </form>
    </main>
  );
}
