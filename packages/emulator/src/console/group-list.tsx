import type { GroupAnswer } from '../server/control/answers.ts';
import { PolicyList } from './policy-list.tsx';

/** The groups whose policies apply to a thing. */
export function GroupList({ groups }: { readonly groups: readonly GroupAnswer[] }) {
  return (
    <section aria-labelledby="groups">
      <h2 id="groups">Thing groups</h2>
      {groups.length === 0 && <p>This thing is in no group.</p>}
      <ul class="cards">
        {groups.map(({ thingGroupName, isDirect, policies }) => (
          <li key={thingGroupName}>
            <h3>
              {thingGroupName}
              {!isDirect && <span class="quiet"> (a parent group)</span>}
            </h3>
            <dl>
              <dt>Policies</dt>
              <dd>
                <PolicyList policies={policies} />
              </dd>
            </dl>
          </li>
        ))}
      </ul>
    </section>
  );
}
