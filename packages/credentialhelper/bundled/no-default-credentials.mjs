// Bundled instead of the AWS SDK's default chain of credentials: a client without credentials of its own fails.

/** Rejects. */
export const defaultProvider = () => async () => {
  throw new Error('pass credentials');
};
