/** An error of a control request. */
export function Failure({ error }: { readonly error: Error | undefined }) {
  if (error === undefined) return null;
  return (
    <p role="alert" class="problem">
      {error.message}
    </p>
  );
}
