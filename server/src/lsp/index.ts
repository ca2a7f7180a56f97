/** Entry of the server as a process of its own (the VS Code extension starts it so). */
import { startServer } from './server.ts';

startServer();
