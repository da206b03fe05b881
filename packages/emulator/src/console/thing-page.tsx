import { useState } from 'preact/hooks';
import type { AccountAnswer, RoleAliasAnswer, ThingAnswer } from '../server/control/answers.ts';
import { CertificateList } from './certificate-list.tsx';
import { Decision } from './decision.tsx';
import { Failure } from './failure.tsx';
import { GroupList } from './group-list.tsx';
import { Heading } from './heading.tsx';
import { ReadyLines } from './ready-lines.tsx';
import { link } from './route.ts';
import { Select } from './select.tsx';
import { useAnswer } from './use-answer.ts';

/** A thing: what it has, whether it gets credentials, and how to request them. */
export function ThingPage({ thingName }: { readonly thingName: string }) {
  const { value: thing, error } = useAnswer<ThingAnswer>(`things/${encodeURIComponent(thingName)}`);
  return (
    <>
      <Heading title={`Thing ${thingName}`} />
      <p>
        <a href={link('things')}>All things</a> ·{' '}
        <a href={link('requests', undefined, { thing: thingName })}>Requests of this thing</a>
      </p>
      <Failure error={error} />
      {thing !== undefined && <Details {...thing} />}
    </>
  );
}

function Details(thing: ThingAnswer) {
  const { value: aliases, error } = useAnswer<readonly RoleAliasAnswer[]>('role-aliases');
  const { value: account } = useAnswer<AccountAnswer>('account');
  const [chosenAlias, setAlias] = useState<string>();
  const [chosenId, setId] = useState<string>();
  const ids = thing.certificates.map(({ certificateId }) => certificateId);
  const alias = chosenAlias ?? aliases?.[0]?.roleAlias;
  const certificateId = chosenId ?? ids[0];
  return (
    <>
      <Properties {...thing} />
      <CertificateList certificates={thing.certificates} nowMs={thing.nowMs} />
      <GroupList groups={thing.groups} />
      <section aria-labelledby="credentials">
        <h2 id="credentials">Credentials</h2>
        <Failure error={error} />
        <div class="row">
          <Select
            label="Role alias"
            value={alias}
            options={(aliases ?? []).map(({ roleAlias }) => roleAlias)}
            onChange={setAlias}
          />
          <Select label="Certificate" value={certificateId} options={ids} onChange={setId} />
        </div>
        {aliases?.length === 0 && <p>There is no role alias.</p>}
        <Alias {...aliases?.find(({ roleAlias }) => roleAlias === alias)} />
        {alias !== undefined && certificateId !== undefined && (
          <Decision thingName={thing.thingName} certificate={certificateId} roleAlias={alias} />
        )}
      </section>
      {account !== undefined && alias !== undefined && (
        <ReadyLines account={account} thingName={thing.thingName} roleAlias={alias} />
      )}
    </>
  );
}

function Alias({ roleArn, credentialDurationSeconds }: Partial<RoleAliasAnswer>) {
  if (roleArn === undefined) return null;
  return (
    <p class="quiet">
      Role <code>{roleArn}</code>, for {credentialDurationSeconds} s
    </p>
  );
}

function Properties({ thingArn, thingTypeName, attributes }: ThingAnswer) {
  const entries = Object.entries(attributes);
  return (
    <dl>
      <dt>ARN</dt>
      <dd>
        <code>{thingArn}</code>
      </dd>
      <dt>Type</dt>
      <dd>{thingTypeName ?? 'none'}</dd>
      <dt>Attributes</dt>
      <dd>{entries.map(([name, value]) => `${name} = ${value}`).join(', ') || 'none'}</dd>
    </dl>
  );
}
