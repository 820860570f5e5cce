/** The hashes of passwords, one row a form. */
import type { Rule } from "./rule.ts";

/** A password's hash, which is as good as the password to whoever has the time. */
function hash(starts: readonly string[], pattern: RegExp): Rule {
  return { id: "password-hash", finds: "crypt, bcrypt, Argon2, PBKDF2, scrypt and htpasswd hashes", starts, pattern };
}

export const PASSWORD_HASHES: readonly Rule[] = [
  hash(["$2a$", "$2b$", "$2y$"], /\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}/dy),
  hash(["$1$", "$apr1$"], /\$(?:1|apr1)\$[./\w]{1,16}\$[./A-Za-z0-9]{22}/dy),
  hash(["$5$", "$6$"], /\$[56]\$(?:rounds=\d{1,9}\$)?[./\w]{1,16}\$[./A-Za-z0-9]{43,86}/dy),
  hash(["$y$", "$7$"], /\$[y7]\$[./A-Za-z0-9]{1,16}\$[./A-Za-z0-9]{1,86}\$[./A-Za-z0-9]{43}/dy),
  hash(
    ["$argon2", "argon2$"],
    /\$?argon2(?:id?|d)?\$(?:argon2(?:id?|d)\$)?(?:v=\d\d\$)?m=\d{1,9},t=\d{1,5},p=\d{1,4}\$[\w+/.-]{8,100}\$[\w+/.=-]{16,200}/dy,
  ),
  hash(["$pbkdf2"], /\$pbkdf2(?:-sha\d{1,3})?\$(?:i=)?\d{1,8}(?:,l=\d{1,3})?\$[\w+/.=-]{8,100}\$[\w+/.=-]{16,200}/dy),
  hash(["pbkdf2_sha"], /pbkdf2_sha\d{1,3}\$\d{1,8}\$[\w+/.=-]{4,60}\$[\w+/.=-]{20,200}/dy),
  hash(
    ["pbkdf2:sha", "scrypt:"],
    /(?:pbkdf2:sha\d{1,3}:\d{1,8}|scrypt:\d{1,8}:\d{1,4}:\d{1,4})\$[\w+/.=-]{4,60}\$[a-f0-9]{32,200}/dy,
  ),
  hash(
    ["scrypt$", "$scrypt$"],
    /\$?scrypt\$(?:ln=)?\d{1,8}[$,](?:r=)?\d{1,4}[$,](?:p=)?\d{1,4}\$[\w+/.=-]{4,100}\$[\w+/.=-]{16,200}/dy,
  ),
  hash(["{SSHA"], /\{SSHA(?:256|512)?\}[A-Za-z0-9+/]{28,160}={0,2}/dy),
  hash([":{SHA}"], /:(?<secret>\{SHA\}[A-Za-z0-9+/]{27}=)/dy),
];
