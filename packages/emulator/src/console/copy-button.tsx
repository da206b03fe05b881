import { useState } from 'preact/hooks';

/** Copies a text to the clipboard. */
export function CopyButton({ text, what }: { readonly text: string; readonly what: string }) {
  const [result, setResult] = useState('');
  const copy = () => {
    navigator.clipboard.writeText(text).then(
      () => setResult('Copied'),
      () => setResult('The browser did not permit to copy'),
    );
  };
  return (
    <span class="copy">
      <button type="button" onClick={copy} onBlur={() => setResult('')}>
        Copy<span class="hidden"> the {what}</span>
      </button>{' '}
      <span role="status">{result}</span>
    </span>
  );
}
