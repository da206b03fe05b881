import type { ExplainedStep } from '../credentials/explain.ts';
import { CopyButton } from './copy-button.tsx';

const CLASSES: Readonly<Record<ExplainedStep['outcome'], string>> = {
  holds: 'good',
  fails: 'bad',
  'not reached': 'quiet',
};

/** A step of the decision. */
export function DecisionStep({ name, outcome, seen, commands, policy }: ExplainedStep) {
  return (
    <li>
      <h3>
        {name} <span class={`badge ${CLASSES[outcome]}`}>{outcome}</span>
      </h3>
      {seen !== '' && <p>{seen}</p>}
      {policy !== undefined && (
        <details>
          <summary>
            {policy.effect} by policy {policy.policyName}
          </summary>
          <p>Attached to {policy.target}</p>
          <pre>{JSON.stringify(policy.statement, undefined, 2)}</pre>
        </details>
      )}
      {commands.map((command) => (
        <div key={command} class="line">
          <pre>{command}</pre>
          <CopyButton text={command} what={`command for ${name}`} />
        </div>
      ))}
    </li>
  );
}
