/** The types of AppSecret. A new one is a folder beside these and an entry here. */
import { authentication } from "./authentication/index.ts";
import { custom } from "./custom/index.ts";
import { database } from "./database/index.ts";

export const TYPES = [authentication, database, custom] as const;
