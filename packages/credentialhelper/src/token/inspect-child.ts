// Looks into one PKCS#11 library for the process that started it, answers over the channel between them, and ends.
import {
  type InspectAnswer,
  type InspectRequest,
  inspectLibrary,
  packInspectError,
} from './inspect.ts';

process.once('disconnect', () => process.exit());
process.once('message', async (request: InspectRequest) => {
  const answer: InspectAnswer = await inspectLibrary(request).then(
    (report) => ({ report }),
    packInspectError,
  );
  process.send?.(answer, () => process.exit());
});
