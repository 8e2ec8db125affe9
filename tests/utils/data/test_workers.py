"""DataLoader with worker processes: order, seeds, exceptions, crashes, and unguarded scripts."""

import collections
import functools
import os
import random
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

import torchlike
from torchlike.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset, get_worker_info

torch = pytest.importorskip("torch")

Point = collections.namedtuple("Point", "x y")


class Rows(Dataset):
    def __init__(self, n=10, width=3):
        self.data = np.arange(n * width, dtype=np.float32).reshape(n, width)

    def __len__(self):
        return len(self.data)

    def __getitem__(self, i):
        return self.data[i], i


class Draws(Dataset):
    """What a worker's generators give."""

    def __len__(self):
        return 8

    def __getitem__(self, i):
        info = get_worker_info()
        return info.id, info.num_workers, info.seed, random.random(), np.random.rand(), torchlike.rand(2)


class TorchDraws(Draws):
    def __getitem__(self, i):
        info = torch.utils.data.get_worker_info()
        return info.id, info.num_workers, info.seed, random.random(), np.random.rand(), torch.rand(2)


class Failing(Rows):
    def __init__(self, fail):
        super().__init__()
        self.fail = fail

    def __getitem__(self, i):
        if i == 5:
            self.fail()
        return i


class Stream(IterableDataset):
    def __iter__(self):
        info = get_worker_info()
        return iter(range(info.id * 10, info.id * 10 + 3 + 2 * info.id))


def lists(loader):
    return [
        [v.tolist() for v in batch] if isinstance(batch, (list, tuple)) else batch.tolist()
        for batch in loader
    ]


@pytest.mark.parametrize("workers", [1, 2])
def test_order_equals_the_main_process(workers):
    loaders = [DataLoader(Rows(), batch_size=3, shuffle=True, num_workers=w) for w in (0, workers)]
    passes = []
    for loader in loaders:
        torchlike.manual_seed(1)
        passes.append([lists(loader), lists(loader), torchlike.rand(1).item()])
    assert passes[0] == passes[1]


@pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning", "ignore:This process:DeprecationWarning")
def test_seeds_equal_pytorchs():
    torchlike.manual_seed(5)
    torch.manual_seed(5)
    got = lists(DataLoader(Draws(), batch_size=2, num_workers=2))
    want = lists(torch.utils.data.DataLoader(TorchDraws(), batch_size=2, num_workers=2))
    assert got == want


@pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning", "ignore:This process:DeprecationWarning")
@pytest.mark.parametrize(
    "kwargs", [{}, {"batch_size": 2}, {"batch_size": 2, "drop_last": True}, {"batch_size": None}], ids=str
)
def test_streams(kwargs):
    class TorchStream(torch.utils.data.IterableDataset):
        def __iter__(self):
            info = torch.utils.data.get_worker_info()
            return iter(range(info.id * 10, info.id * 10 + 3 + 2 * info.id))

    want = [
        torch.as_tensor(b).tolist()
        for b in torch.utils.data.DataLoader(TorchStream(), num_workers=2, **kwargs)
    ]
    got = [torchlike.as_tensor(b).tolist() for b in DataLoader(Stream(), num_workers=2, **kwargs)]
    assert got == want


def test_structures_come_back_as_they_are():
    offset = np.float64(3)  # local definitions travel by value

    class Local(Dataset):
        def __len__(self):
            return 4

        def __getitem__(self, i):
            return {
                "p": Point(i, str(i)),
                "a": np.full(2, offset),
                "t": torchlike.full((2,), i),
                "b": torchlike.ones(1).bfloat16(),
            }

    (batch,) = DataLoader(Local(), batch_size=4, num_workers=1)
    assert (
        type(batch["p"]) is Point
        and batch["p"].y == ["0", "1", "2", "3"]
        or batch["p"].y == ("0", "1", "2", "3")
    )
    assert batch["a"].dtype == torchlike.float64 and batch["a"].tolist() == [[3.0, 3.0]] * 4
    assert batch["t"].tolist() == [[i, i] for i in range(4)]
    assert batch["b"].dtype == torchlike.bfloat16 and not batch["b"].requires_grad


def test_arrays_of_all_kinds_travel():
    odd = {
        "empty": np.zeros((0, 3)),
        "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "strided": np.arange(10)[::2],
        "time": np.array(["2020-01-01"], "datetime64[D]"),
        "record": np.array([(1, 2.0)], [("a", "i4"), ("b", "f8")]),
        "masked": np.ma.masked_array([1, 2], [True, False]),
        "object": np.array([1, "a"], object),
        "scalar": np.float32(3),
    }

    class Odd(Rows):
        def __getitem__(self, i):
            odd["fortran"][0, 0] += 0  # what was sent is writable
            return odd

    (got,) = DataLoader(Odd(1), num_workers=1, batch_size=None, collate_fn=lambda sample: sample)
    for key, want in odd.items():
        assert type(got[key]) is type(want)
        np.testing.assert_array_equal(got[key], want)
    assert got["fortran"].flags.f_contiguous and got["empty"].shape == (0, 3)
    (batch,) = DataLoader([torchlike.zeros(0, 3)] * 2, num_workers=1, batch_size=2)
    assert batch.shape == (2, 0, 3)


def test_mapped_files_travel_by_name(tmp_path):
    mapped = np.memmap(tmp_path / "data", np.int32, "w+", shape=(8,))
    mapped[:] = np.arange(8)
    mapped.flush()

    class Mapped(Rows):
        def __init__(self):
            self.data = mapped

        def __getitem__(self, i):
            return isinstance(self.data, np.memmap), self.data[i]

    ((is_mapped, values),) = DataLoader(Mapped(), num_workers=1, batch_size=8)
    assert is_mapped.all() and values.tolist() == list(range(8))


def test_classes_by_value():
    import abc
    import dataclasses
    import enum

    class Color(enum.Enum):
        RED = 1
        BLUE = 2

        def swap(self):
            return Color.BLUE if self is Color.RED else Color.RED

    @dataclasses.dataclass
    class Sample:
        value: int
        tags: list = dataclasses.field(default_factory=list)
        color: Color = Color.RED

    class Shape(abc.ABC):
        count = 0

        @property
        def twice(self):
            return 2 * self.size()

        @classmethod
        def made(cls, n):
            return cls(n)

        @staticmethod
        def helper():
            return "helped"

        @abc.abstractmethod
        def size(self): ...

    class Square(Shape):
        __slots__ = ("n",)

        def __init__(self, n):
            super().__init__()
            self.n = n

        def size(self):
            return self.n

    def fibonacci(n):
        return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)

    class Many(Dataset):
        @functools.cached_property
        def base(self):
            return 10

        def __len__(self):
            return 3

        def __getitem__(self, i):
            try:
                Shape()
            except TypeError:
                square = Square.made(i)
                sample = Sample(square.twice + self.base, [Shape.helper(), fibonacci(7)], Color.RED.swap())
                return dataclasses.replace(sample)

    got = list(DataLoader(Many(), num_workers=1, batch_size=None))
    assert got == [Sample(10 + 2 * i, ["helped", 13], Color.BLUE) for i in range(3)]
    assert all(type(s) is Sample and s.color is Color.BLUE for s in got)


def test_batches_are_independent_of_each_other():
    """Shared memory is used again; a batch that was kept must not change."""
    data = Rows(64, 4096)
    kept = [x for x, _ in DataLoader(data, batch_size=4, num_workers=2)]
    assert np.array_equal(np.concatenate([x.numpy() for x in kept]), data.data)


def test_collate_functions_and_arrays():
    def collate(samples):
        return np.stack([s[0] for s in samples]), [s[1] for s in samples]

    batches = list(DataLoader(Rows(), batch_size=5, num_workers=1, collate_fn=collate))
    assert isinstance(batches[0][0], np.ndarray) and batches[0][0].flags.writeable
    batches[0][0][:] = 0
    assert batches[1][1] == [5, 6, 7, 8, 9]
    assert sum(DataLoader(Rows(), batch_size=3, num_workers=2, collate_fn=len)) == 10
    partial = functools.partial(lambda k, samples: k * len(samples), 2)
    assert sum(DataLoader(Rows(), batch_size=3, num_workers=2, collate_fn=partial)) == 20


def test_tensor_datasets():
    loader = DataLoader(
        TensorDataset(torchlike.arange(6).reshape(3, 2), torchlike.arange(3)), batch_size=2, num_workers=1
    )
    assert lists(loader) == [[[[0, 1], [2, 3]], [0, 1]], [[[4, 5]], [2]]]


def test_tensor_functions_work_in_a_worker():
    class Transformed(Dataset):
        def __init__(self):
            self.x = torchlike.arange(8).reshape(4, 2).float()
            self.layer = torchlike.nn.Linear(2, 1)

        def __len__(self):
            return 4

        def __getitem__(self, i):
            with torchlike.no_grad():
                return (self.x[i] * 2).sum(), self.layer(self.x[i])

    data = Transformed()
    want = [data[i] for i in range(4)]
    ((a, b),) = DataLoader(data, batch_size=4, num_workers=1)
    assert a.tolist() == [w[0].item() for w in want]
    np.testing.assert_allclose(b.numpy(), np.stack([w[1].numpy() for w in want]), rtol=1e-6)


def test_worker_init_fn_and_worker_info():
    class Shard(IterableDataset):
        offset = 0

        def __iter__(self):
            return iter([self.offset])

    def init(worker_id):
        get_worker_info().dataset.offset = 100 + worker_id

    assert lists(DataLoader(Shard(), num_workers=2, worker_init_fn=init)) == [[100], [101]]
    assert get_worker_info() is None


class TestPersistentWorkers:
    def test_passes(self):
        class Pids(Rows):
            def __getitem__(self, i):
                return os.getpid()

        loader = DataLoader(Pids(), batch_size=5, num_workers=2, persistent_workers=True)
        first, second = lists(loader), lists(loader)
        assert first == second and len({p for batch in first for p in batch}) == 2

    def test_a_pass_that_was_left_early(self):
        loader = DataLoader(Rows(40, 2000), batch_size=4, num_workers=2, persistent_workers=True)
        for _ in range(2):
            next(iter(loader))
        assert [batch[1] for batch in lists(loader)] == [list(range(i, i + 4)) for i in range(0, 40, 4)]

    def test_streams(self):
        loader = DataLoader(Stream(), batch_size=2, num_workers=2, persistent_workers=True)
        assert lists(loader) == lists(loader)


def test_out_of_order():
    class Uneven(Rows):
        def __getitem__(self, i):
            time.sleep(0.3 if i == 0 else 0)
            return i

    got = [b.item() for b in DataLoader(Uneven(), num_workers=2, in_order=False)]
    assert sorted(got) == list(range(10)) and got != sorted(got)


class TestErrors:
    def message(self, error, dataset=None, **kwargs):
        with pytest.raises(error) as info:
            list(DataLoader(dataset, **{"num_workers": 2, "batch_size": 2, **kwargs}))
        return str(info.value)

    def test_an_exception_in_the_dataset(self):
        def fail():
            raise ValueError("broken sample")

        text = self.message(ValueError, Failing(fail))
        assert text.startswith(
            "Caught ValueError in DataLoader worker process 0.\nOriginal Traceback (most recent call last):\n"
        )
        assert text.endswith("ValueError: broken sample\n")

    def test_a_key_error_keeps_its_line_breaks(self):
        def fail():
            raise KeyError("k")

        assert self.message(KeyError, Failing(fail)).startswith(
            "Caught KeyError in DataLoader worker process 0.\n"
        )

    def test_an_exception_that_cannot_be_rebuilt(self):
        class Two(Exception):
            def __init__(self, a, b):
                super().__init__(a, b)

        def fail():
            raise Two(1, 2)

        assert self.message(RuntimeError, Failing(fail)).startswith(
            "Caught Two in DataLoader worker process 0."
        )

    def test_an_exception_in_worker_init_fn(self):
        def init(worker_id):
            raise OSError("no disk")

        assert "no disk" in self.message(OSError, Rows(), worker_init_fn=init)

    def test_loading_goes_on_after_an_exception(self):
        def fail():
            raise ValueError

        it = iter(DataLoader(Failing(fail), num_workers=2))
        seen = []
        while True:
            try:
                seen.append(next(it).item())
            except ValueError:
                seen.append(None)
            except StopIteration:
                break
        assert seen == [0, 1, 2, 3, 4, None, 6, 7, 8, 9]

    def test_a_killed_worker(self):
        def fail():
            os.kill(os.getpid(), signal.SIGKILL)

        with pytest.raises(
            RuntimeError, match=r"DataLoader worker \(pid\(s\) \d+\) exited unexpectedly"
        ) as info:
            list(DataLoader(Failing(fail), num_workers=2))
        assert "is killed by signal: Killed" in str(info.value.__cause__)

    def test_a_worker_that_exits(self):
        with pytest.raises(RuntimeError, match="exited unexpectedly") as info:
            list(DataLoader(Failing(functools.partial(os._exit, 3)), num_workers=1))
        assert "exit code 3" in str(info.value.__cause__)

    def test_timeout(self):
        text = self.message(
            RuntimeError, Failing(functools.partial(time.sleep, 2)), timeout=0.3, num_workers=1
        )
        assert text == "DataLoader timed out after 0.3 seconds"

    def test_what_cannot_be_pickled(self):
        class Open(Rows):
            def __init__(self):
                super().__init__()
                self.file = open(os.devnull)  # noqa: SIM115

        dataset = Open()
        assert "use num_workers=0" in self.message(TypeError, dataset)
        dataset.file.close()

    def test_a_batch_that_cannot_be_pickled(self):
        text = self.message(TypeError, Rows(), collate_fn=lambda samples: (x for x in samples))
        assert "cannot pickle 'generator' object" in text


def test_many_workers_warn():
    with pytest.warns(UserWarning, match="This DataLoader will create 999 worker processes in total"):
        DataLoader(Rows(), num_workers=999)


def run_script(tmp_path, text, *args):
    path = tmp_path / "script.py"
    path.write_text(textwrap.dedent(text))
    env = {**os.environ, "PYTHONPATH": os.path.dirname(os.path.dirname(torchlike.__file__))}
    command = [sys.executable, *args, str(path)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=tmp_path, env=env)


SCRIPT = """
    import numpy as np
    import torchlike as torch
    from torchlike.utils.data import DataLoader, Dataset

    print("main")
    SCALE = 10
    scale = lambda x: x * SCALE

    class Base(Dataset):
        def __len__(self):
            return 4

    class Scaled(Base):
        def __init__(self):
            super().__init__()
            self.x = np.arange(4)

        def __getitem__(self, i):
            return scale(self.x[i])

    for batch in DataLoader(Scaled(), batch_size=2, num_workers=2, {more}):
        print(batch.tolist(), flush=True)
        {then}
"""


def test_a_script_without_a_guard(tmp_path):
    done = run_script(tmp_path, SCRIPT.format(more="", then=""))
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n") == ["main", "[0, 10]", "[20, 30]", ""]


def test_a_script_run_as_torch(tmp_path):
    text = SCRIPT.replace("torchlike as torch", "torch").replace("torchlike", "torch")
    done = run_script(tmp_path, text.format(more="", then=""), "-m", "torchlike")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n") == ["main", "[0, 10]", "[20, 30]", ""]


def test_workers_end_with_a_killed_main_process(tmp_path):
    text = SCRIPT.format(more="persistent_workers=True", then="import os; os.kill(os.getpid(), 9)")
    text = text.replace("scale(self.x[i])", "__import__('os').getpid()")
    done = run_script(tmp_path, text)
    assert done.returncode == -signal.SIGKILL
    pids = [int(p) for p in done.stdout.split("\n")[1].strip("[]").split(",")]
    limit = time.monotonic() + 10
    while any(os.path.exists(f"/proc/{pid}") for pid in pids) and time.monotonic() < limit:
        time.sleep(0.05)
    assert not any(os.path.exists(f"/proc/{pid}") for pid in pids)
