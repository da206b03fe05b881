import { Component } from 'preact';
import type { RequestRecord } from '../http/request-record.ts';
import { endpointOf } from './filters.ts';
import { formatDuration, formatTime } from './format.ts';
import { link } from './route.ts';
import { statusClass } from './status.ts';

/** A request in the table. A record does not change, so a row is drawn once. */
export class RequestRow extends Component<{ readonly request: RequestRecord }> {
  override shouldComponentUpdate(): boolean {
    return false;
  }

  override render() {
    const { request } = this.props;
    const { timeMs, durationMs, operation, method, path, thingName, tlsVersion } = request;
    return (
      <tr>
        <td>
          <div class="quiet">
            {formatTime(timeMs)},{' '}
            {durationMs === undefined ? 'no response' : formatDuration(durationMs)}
          </div>
          <code>{operation ?? `${method} ${path}`}</code>
          <div class="quiet">
            {endpointOf(request)}
            {tlsVersion !== undefined && `, ${tlsVersion}`}
            {thingName !== undefined && (
              <>
                , thing <a href={link('things', thingName)}>{thingName}</a>
              </>
            )}
          </div>
        </td>
        <td>
          <span class={`badge ${statusClass(request.status)}`}>{request.status}</span>
          <Result {...request} />
        </td>
      </tr>
    );
  }
}

function Result({ reason, faultEffect, issued, callerArn }: RequestRecord) {
  return (
    <>
      {reason !== undefined && <div>{reason}</div>}
      {faultEffect !== undefined && <div>fault: {faultEffect}</div>}
      {issued !== undefined && <div class="quiet">role {issued.roleName}</div>}
      {callerArn !== undefined && <div class="quiet">{callerArn}</div>}
    </>
  );
}
