import type { Explanation } from '../credentials/explain.ts';
import { DecisionStep } from './decision-step.tsx';
import { Failure } from './failure.tsx';
import { useAnswer } from './use-answer.ts';

/** Whether a thing would get credentials for a role alias with a certificate, step by step. */
export function Decision(props: {
  readonly thingName: string;
  /** The id of the certificate. */
  readonly certificate: string;
  readonly roleAlias: string;
}) {
  const { thingName, certificate, roleAlias } = props;
  const input = { thingName, certificate, roleAlias };
  const { value, error, reload } = useAnswer<Explanation>('explain', input);
  return (
    <>
      <Failure error={error} />
      <p role="status">{value !== undefined && <Outcome {...value} />}</p>
      <button type="button" onClick={reload}>
        Check again
      </button>
      {value !== undefined && (
        <ol>
          {value.steps.map((step) => (
            <DecisionStep key={step.name} {...step} />
          ))}
        </ol>
      )}
    </>
  );
}

function Outcome({ allowed, status, message }: Explanation) {
  if (allowed) return <span class="badge good">This thing gets credentials</span>;
  return (
    <>
      <span class="badge bad">This thing gets no credentials</span> {status} {message}
    </>
  );
}
