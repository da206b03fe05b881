import { useEffect, useState } from 'preact/hooks';
import type { RequestRecord } from '../http/request-record.ts';
import type { IssuedAnswer } from '../server/control/answers.ts';
import { Failure } from './failure.tsx';
import { formatDate, formatTimeLeft } from './format.ts';
import { Heading } from './heading.tsx';
import { link } from './route.ts';
import { useAnswer } from './use-answer.ts';

const RELOAD_MS = 5000;

/** The credentials that the credential provider issued, and when they expire. */
export function CredentialsPage() {
  const { value, error, reload } = useAnswer<IssuedAnswer>('credentials?limit=100');
  const elapsed = useSecondsSince(value) * 1000;
  useEffect(() => {
    const timer = setInterval(reload, RELOAD_MS);
    return () => clearInterval(timer);
  }, []);
  return (
    <>
      <Heading title="Credentials" />
      <p>The latest 100 that the credential provider issued, the latest first.</p>
      <Failure error={error} />
      {value?.requests.length === 0 && <p>None were issued since the start.</p>}
      {value !== undefined && value.requests.length > 0 && (
        <table>
          <caption class="hidden">Issued credentials</caption>
          <thead>
            <tr>
              <th scope="col">Access key id</th>
              <th scope="col">For</th>
              <th scope="col">Expires</th>
            </tr>
          </thead>
          <tbody>
            {value.requests.map((request) => (
              <Issued key={request.sequence} request={request} nowMs={value.nowMs + elapsed} />
            ))}
          </tbody>
        </table>
      )}
    </>
  );
}

function Issued({ request, nowMs }: { readonly request: RequestRecord; readonly nowMs: number }) {
  const { issued, thingName } = request;
  if (issued === undefined) return null;
  return (
    <tr>
      <th scope="row">
        <code>{issued.accessKeyId}</code>
      </th>
      <td>
        {thingName === undefined ? (
          'no thing named'
        ) : (
          <a href={link('things', thingName)}>{thingName}</a>
        )}
        <div class="quiet">role {issued.roleName}</div>
      </td>
      <td>
        {formatTimeLeft(issued.expirationMs, nowMs)}
        <div class="quiet">{formatDate(issued.expirationMs)}</div>
      </td>
    </tr>
  );
}

/** Counts the seconds since a value changed. */
function useSecondsSince(value: unknown): number {
  const [seconds, setSeconds] = useState(0);
  useEffect(() => {
    setSeconds(0);
    const timer = setInterval(() => setSeconds((before) => before + 1), 1000);
    return () => clearInterval(timer);
  }, [value]);
  return seconds;
}
