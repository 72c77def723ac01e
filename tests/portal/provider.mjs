// A certified OpenID provider on loopback for the tests of signing in: development log-in pages, any person may sign in.
// Argument: the portal's callback. Writes its issuer to standard output once it listens.
import { createServer } from "node:http";
import Provider from "oidc-provider";

const callback = process.argv[2];
const server = createServer();
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{
      client_id: "portal",
      client_secret: process.env.MIYAR_OIDC_SECRET,
      redirect_uris: [callback],
      grant_types: ["authorization_code"],
      response_types: ["code"],
    }],
    claims: { openid: ["sub"], email: ["email", "email_verified"] },
    // The name typed at log-in decides the claims: `name` is a subject, `name@...` an email, and the prefix `unverified:`
    // marks the email as not verified.
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({
        sub: id.includes("@") ? `id-of-${id.replace(/[^a-z]/g, "-")}` : id,
        email: id.replace("unverified:", ""),
        email_verified: !id.startsWith("unverified:"),
      }),
    }),
    pkce: { required: () => true },
    features: { devInteractions: { enabled: true } },
    cookies: { keys: ["only for tests"] },
  });
  server.on("request", provider.callback());
  console.log(issuer);
});
