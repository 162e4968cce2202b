import { Component, type ReactNode } from "react";
import { ErrorBox } from "./states";

type Props = { at: string; children: ReactNode };
type State = { error: Error | null };

/** Says what went wrong where a page cannot be shown, such as while the server is away; other pages can be gone to. */
export class Boundary extends Component<Props, State> {
  override state: State = { error: null };

  static getDerivedStateFromError(error: Error): State {
    return { error };
  }

  override componentDidUpdate({ at }: Props) {
    if (at !== this.props.at && this.state.error) this.setState({ error: null });
  }

  override render() {
    const { error } = this.state;
    return error ? <ErrorBox error={error} retry={() => location.reload()} /> : this.props.children;
  }
}
