// Who somebody is here.
import { Private } from "../../account/private.tsx";
import { person } from "../../net/session.ts";
import { Panel } from "../../parts/parts.tsx";

export function Place() {
  return (
    <Private>
      <div class="place">
        <h1>Account</h1>
        <Panel title="You">
          <dl class="facts">
            <div>
              <dt>Name</dt>
              <dd>
                <bdi>{person.value?.name}</bdi>
              </dd>
            </div>
            <div>
              <dt>Role</dt>
              <dd>{person.value?.role}</dd>
            </div>
            <div>
              <dt>Account</dt>
              <dd>{person.value?.account}</dd>
            </div>
          </dl>
        </Panel>
      </div>
    </Private>
  );
}
