import type { CertificateAnswer } from '../server/control/answers.ts';
import { formatDate, formatTimeLeft } from './format.ts';
import { PolicyList } from './policy-list.tsx';

/** The certificates of a thing, with their policies. */
export function CertificateList(props: {
  readonly certificates: readonly CertificateAnswer[];
  /** The emulator's time, in epoch milliseconds. */
  readonly nowMs: number;
}) {
  return (
    <section aria-labelledby="certificates">
      <h2 id="certificates">Certificates</h2>
      {props.certificates.length === 0 && <p>No certificate is attached to this thing.</p>}
      <ul class="cards">
        {props.certificates.map((certificate) => (
          <li key={certificate.certificateId}>
            <Certificate {...certificate} nowMs={props.nowMs} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function Certificate(props: CertificateAnswer & { readonly nowMs: number }) {
  const { certificateId, status, subject, expirationMs, policies, nowMs } = props;
  const left = formatTimeLeft(expirationMs, nowMs);
  return (
    <>
      <h3>
        <code>{certificateId}</code>
      </h3>
      <dl>
        <dt>Status</dt>
        <dd>
          <span class={`badge ${status === 'ACTIVE' ? 'good' : 'bad'}`}>{status}</span>
        </dd>
        <dt>Expires</dt>
        <dd>
          {formatDate(expirationMs)} ({left === 'expired' ? left : `in ${left}`})
        </dd>
        <dt>Subject</dt>
        <dd>{subject || 'none'}</dd>
        <dt>Policies</dt>
        <dd>
          <PolicyList policies={policies} />
        </dd>
      </dl>
    </>
  );
}
