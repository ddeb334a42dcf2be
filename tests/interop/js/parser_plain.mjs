// The default parser; the server reads it with a packet class.

export const parser = undefined;
