import type { PolicyAnswer } from '../server/control/answers.ts';
import { formatJson } from './json.ts';

/** Attached policies: a name opens its document. */
export function PolicyList({ policies }: { readonly policies: readonly PolicyAnswer[] }) {
  if (policies.length === 0) return <>none</>;
  return (
    <>
      {policies.map(({ policyName, policyDocument }) => (
        <details key={policyName}>
          <summary>{policyName}</summary>
          <pre>{formatJson(policyDocument)}</pre>
        </details>
      ))}
    </>
  );
}
