// An OpenID provider on loopback: node provider.mjs PORT REDIRECT...
// Whoever types a name is that person; a name with "unproven" in it has an address nobody checked.
import Provider from "oidc-provider";

const [port, ...redirects] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const provider = new Provider(issuer, {
  clients: [
    {
      client_id: "shop",
      client_secret: "a secret of both",
      redirect_uris: redirects,
      grant_types: ["authorization_code"],
      response_types: ["code"],
    },
  ],
  claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
  conformIdTokenClaims: false, // claims of the scopes stand in the ID token
  cookies: { keys: ["for tests only"] },
  pkce: { required: () => true },
  async findAccount(_, id) {
    return {
      accountId: id,
      async claims() {
        const email_verified = !id.includes("unproven");
        return { sub: id, email: `${id}@example.com`, email_verified, name: `The ${id}` };
      },
    };
  },
});
provider.listen(Number(port), "127.0.0.1", () => console.log("ready"));
