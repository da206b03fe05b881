import type { RequestRecord } from '../http/request-record.ts';
import { RequestRow } from './request-row.tsx';

/** The requests as a table, the latest first. */
export function RequestTable({ requests }: { readonly requests: readonly RequestRecord[] }) {
  return (
    <table class="requests">
      <caption class="hidden">Requests, the latest first</caption>
      <thead>
        <tr>
          <th scope="col">Request</th>
          <th scope="col">Result</th>
        </tr>
      </thead>
      <tbody>
        {requests.map((request) => (
          <RequestRow key={request.sequence} request={request} />
        ))}
      </tbody>
    </table>
  );
}
