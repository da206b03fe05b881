import type { AccountAnswer } from '../server/control/answers.ts';
import { CopyButton } from './copy-button.tsx';
import { readyLines } from './lines.ts';

/** Ready-made lines that request credentials as the thing. */
export function ReadyLines(props: {
  readonly account: AccountAnswer;
  readonly thingName: string;
  readonly roleAlias: string;
}) {
  const { account, thingName, roleAlias } = props;
  return (
    <section aria-labelledby="lines">
      <h2 id="lines">Request credentials</h2>
      <p>
        With the files that <code>seed</code> writes. Replace their paths if yours are elsewhere.
      </p>
      {readyLines(account, thingName, roleAlias).map(({ title, text }) => (
        <div key={title}>
          <h3>{title}</h3>
          <div class="line">
            <pre>{text}</pre>
            <CopyButton text={text} what={`lines for ${title}`} />
          </div>
        </div>
      ))}
    </section>
  );
}
